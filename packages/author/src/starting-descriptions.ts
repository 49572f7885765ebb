/**
 * First descriptions, with comments for whoever goes on from there: one for each pattern of
 * draft-ietf-suit-manifest-37 §7 and of the extension drafts.
 */

export interface StartingAnswers {
  /** A domain of the vendor's own. */
  readonly vendor: string;
  /** The name of a kind of device. */
  readonly class: string;
  /** The component that is updated, as the device knows it. */
  readonly component: string;
  /** Path of the image, relative to the description. */
  readonly image: string;
  /** Of the image, for people. */
  readonly version: string;
}

/** What a description is begun with where nobody says otherwise. */
export const usualAnswers: StartingAnswers = {
  vendor: 'lapel.example',
  class: 'lamp',
  component: 'main',
  image: 'build/lamp-1.0.0.bin',
  version: '1.0.0',
};

/** What the first line of a description calls its JSON Schema: a file beside it. */
export const schemaFileName = 'lapel.schema.json';

interface Starter {
  /** In a line. */
  readonly tells: string;
  /** For whoever reads the description. */
  readonly about: readonly string[];
  readonly body: (answers: StartingAnswers) => string;
  /** Files that it needs besides the image. */
  readonly needs?: (answers: StartingAnswers) => readonly string[];
}

const starters = {
  single: {
    tells: 'one image, downloaded into its component and booted',
    about: ['The device fetches the image into its component, compares it with its digest and boots it.'],
    body: (answers) => `${component(answers)}${image(answers)}${bootable}`,
  },
  ab: {
    tells: 'an image for each of two slots; the device takes the one for the free slot',
    about: [
      'Each image is linked for the place that it runs at. The device fetches the one for the slot that is',
      'free, boots it on trial, and goes back to the other slot where it does not prove itself.',
    ],
    body: (answers) => `${component(answers)}slots:
  - image: ${plain(beside(answers.image, '-a'))}
  - image: ${plain(beside(answers.image, '-b'))}
${version(answers)}${bootable}`,
    needs: ({ image: path }) => [beside(path, '-a'), beside(path, '-b')],
  },
  'delete-first': {
    tells: 'one image, for a device that has room for no second one',
    about: [
      'The device has room for one image: its recovery application erases the old one before it fetches the',
      'new one. Nothing can go back from there, so ask first whether it may begin. A smaller payload leaves',
      'the device without its firmware for a shorter time.',
    ],
    body: (
      answers,
    ) => `${component(answers)}${image(answers)}compress: true                # needs 2 KiB on the device
${bootable}
# What must hold before the old image is erased, where the device can tell:
# minimumBattery: 500           # mWh
# priority: 0                   # the application is asked; the smaller, the more urgent
`,
  },
  load: {
    tells: 'an image that is stored in one place and runs in another',
    about: [
      'The image is stored in its component. At each start it is checked, copied to where it runs, checked',
      'there once more, and invoked.',
    ],
    body: (
      answers,
    ) => `${component(answers)}${image(answers)}load: ram                     # the component that it runs in
${bootable}`,
  },
  compressed: {
    tells: 'an image that travels compressed, or as a difference to the last one',
    about: [
      'What travels is smaller than the image. Digest and size in the manifest are those of the image: the',
      'device undoes the compression as it fetches.',
    ],
    body: (
      answers,
    ) => `${component(answers)}${image(answers)}compress: true                # needs 2 KiB on the device
# Or only what differs from an image that all of these devices have:
# deltaFrom: build/older.bin
${bootable}`,
  },
  encrypted: {
    tells: 'an image that only some devices can read',
    about: [
      'One ciphertext for all devices whose keys are named. It is downloaded, compared with its own digest,',
      'decrypted into the component, and compared with the digest of the image.',
    ],
    body: (answers) => `${component(answers)}${image(answers)}encryptFor:
  - device.pub.pem              # lapel keygen device.pem --algorithm ECDH-ES+A128KW
encryption: A128GCM
staging: download               # the component that keeps the ciphertext
${bootable}`,
    needs: ({ image: path }) => [path, 'device.pub.pem'],
  },
  multi: {
    tells: 'several components, updated together',
    about: ['All of them are installed, or none: what was staged before is kept until then.'],
    body: (answers) => `components:
  - id: ${plain(answers.component)}
    image: ${plain(answers.image)}
    version: ${plain(answers.version)}
    bootable: true              # one of them is invoked
  - id: radio
    image: build/radio.bin
    version: 1.0.0
`,
    needs: ({ image: path }) => [path, 'build/radio.bin'],
  },
  dependency: {
    tells: 'an image that needs the manifest of another author',
    about: [
      'The other manifest stays signed by its own author. The device fetches it first, checks it, and',
      'installs what both of them say; at each start it checks both again.',
    ],
    body: (answers) => `${component(answers)}${image(answers)}${bootable}dependencies:
  - id: radio-manifest          # the component that keeps the other envelope on the device
    envelope: radio.suit        # as its author signed it
    # integrated: true          # it travels inside this envelope
`,
    needs: ({ image: path }) => [path, 'radio.suit'],
  },
  uninstall: {
    tells: 'an image that can be uninstalled again',
    about: [
      'The manifest says how what it installs goes again. The device unlinks it, and forgets what no other',
      'manifest needs.',
    ],
    body: (answers) => `${component(answers)}${image(answers)}uninstall: true
`,
  },
  personalization: {
    tells: 'data for the isolated side of a device, with the application that uses it',
    about: [
      'The data is encrypted for the isolated side of one device, and travels in the manifest itself. The',
      'application stays signed by its own author; whoever sends the data cannot sign code.',
    ],
    body: (answers) => `component: [tee, ${plain(answers.component)}]
${image(answers)}integrated: true
encryptFor:
  - tee.pub.pem                 # lapel keygen tee.pem --algorithm ECDH-ES+A128KW
dependencies:
  - id: application-manifest    # the component that keeps the other envelope on the device
    envelope: application.suit  # as its author signed it
    integrated: true
uninstall: true
`,
    needs: ({ image: path }) => [path, 'tee.pub.pem', 'application.suit'],
  },
} as const satisfies Readonly<Record<string, Starter>>;

export type TemplateName = keyof typeof starters;
export const templateNames = Object.keys(starters) as readonly TemplateName[];

export const templateTells = (name: TemplateName): string => starters[name].tells;

/** Paths of the files that such a description needs. */
export function filesOfTemplate(name: TemplateName, answers: StartingAnswers): readonly string[] {
  const { needs }: Starter = starters[name];
  return needs?.(answers) ?? [answers.image];
}

/** A description that `parseDescription` takes as it is. */
export function startingDescription(name: TemplateName, answers: StartingAnswers = usualAnswers): string {
  const { about, body }: Starter = starters[name];
  return `# yaml-language-server: $schema=${schemaFileName}
# Your editor completes and checks this file once it has: lapel create --schema -o ${schemaFileName}

${about.map((line) => `# ${line}`).join('\n')}

sequence: 1                     # must rise with every release; or: now
vendor: ${plain(answers.vendor).padEnd(23)} # a domain of yours, or a UUID
class: ${plain(answers.class).padEnd(24)} # a name among yours, or a UUID
${body(answers)}`;
}

const component = (answers: StartingAnswers): string =>
  `component: ${plain(answers.component).padEnd(20)} # as the device knows it\n`;
const image = (answers: StartingAnswers): string =>
  `image: ${plain(answers.image).padEnd(24)} # relative to this file\n${version(answers)}`;
const version = (answers: StartingAnswers): string => `version: ${plain(answers.version)}\n`;
const bootable = 'bootable: true\n';

/** In quotes where YAML would read something else: JSON's are among its own. */
const plain = (value: string): string =>
  /^[A-Za-z][\w./-]*$/.test(value) && !/^(?:true|false|null|now)$/i.test(value)
    ? value
    : isVersion(value)
      ? value
      : JSON.stringify(value);

const isVersion = (value: string) => /^\d+\.\d+\.\d+$/.test(value);

/** `lamp.bin` to `lamp-a.bin`. */
const beside = (path: string, suffix: string): string => path.replace(/(?=\.[^./\\]*$)|$/, suffix);
