/** What a node might say first. */
import type { Hello } from '../../protocol/admission.ts';
import { PORTS, PROTOCOL_VERSION } from '../../protocol/constants.ts';

export const someHello = (changes: Partial<Hello> = {}): Hello => ({
  type: 'hello',
  protocol: PROTOCOL_VERSION,
  version: '0',
  session: null,
  name: null,
  target: 'disks',
  image: null,
  reboot: false,
  dataPort: PORTS.data,
  statusPort: PORTS.status,
  inventory: {
    hostname: 'machine',
    macs: ['52:54:00:00:00:01'],
    firmware: 'bios',
    memoryBytes: 0,
    cores: 1,
    kernel: '',
    disks: [],
  },
  admission: {
    token: null,
    ticket: null,
    open: false,
    outdated: false,
    commitment: '0'.repeat(64),
  },
  ...changes,
});
