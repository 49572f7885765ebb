/** What a script learns from `lapel`: one number for each kind of ending, told in `lapel --help`. */

export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  network: 3,
  conflict: 4,
  denied: 5,
  refused: 6,
  absent: 7,
  bug: 70,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const exitCodesHelp = `Exit codes:
   0  done
   1  failed: a file, a key or a description can't be used
   2  usage: the command line was not understood
   3  network: the server did not answer
   4  conflict: it exists already, or something newer does
   5  denied: no token, or one without the role that is needed
   6  refused: an envelope is not authentic or not well-formed, or the server doesn't accept it
   7  absent: the server has no such release, device or campaign
  70  a bug in Lapel`;
