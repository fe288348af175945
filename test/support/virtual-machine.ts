/** Boots a disk image in an emulated machine and reads its serial console. */
import { execa } from 'execa';

/**
 * Starts QEMU (emulation only, no network, the image is not changed) and waits
 * for "login:". Returns the console's text; throws with its end when the prompt
 * does not come within `timeoutMs`.
 */
export const bootToLogin = async (image: string, timeoutMs: number): Promise<string> => {
  const machine = ['-accel', 'tcg', '-m', '512', '-nographic', '-net', 'none', '-no-reboot'];
  const drive = ['-snapshot', '-drive', `file=${image},format=raw,if=virtio`];
  const qemu = execa('qemu-system-x86_64', [...machine, ...drive], {
    stdin: 'ignore',
    all: true,
    reject: false,
    buffer: false,
    timeout: timeoutMs,
  });
  let text = '';
  for await (const line of qemu.all.setEncoding('latin1')) {
    text += line;
    if (/ login: /.test(text)) break;
  }
  qemu.kill('SIGKILL');
  await qemu;
  if (!/ login: /.test(text)) {
    throw new Error(
      `no login prompt within ${timeoutMs} ms; the console ends:\n${text.slice(-2000)}`,
    );
  }
  return text;
};
