/** placeholder: replaced by the merged flock lock */
export const withLock = <T>(_path: string, work: () => T): T => work();
