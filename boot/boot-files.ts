/** Files that are read while booting, or when boot files are made; they may name the golden's disks. */
export interface BootFiles {
  files: readonly string[];
  /** Directories whose files count, by the end of their names. */
  directories: readonly (readonly [directory: string, names: RegExp])[];
}
