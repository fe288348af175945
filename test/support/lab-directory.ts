/** Where labs of tests keep their images: on the checkout's disk, out of version control. */
import { fileURLToPath } from 'node:url';

export const labDirectory = fileURLToPath(new URL('../../.cache/demo', import.meta.url));
