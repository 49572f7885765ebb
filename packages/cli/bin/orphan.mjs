/**
 * Preloaded into a process that a launcher has started: when the launcher dies, however it dies, its end of
 * the channel closes and this process follows. Without it a launcher ended by SIGKILL would leave a server
 * behind.
 */
if (process.channel !== undefined) {
  process.once('disconnect', () => process.exit(1));
  // Listening alone must not keep a process alive that has finished its work.
  process.channel?.unref();
}
