/** The HTTP server machines boot from: anybody may ask it for anything. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { serveFiles } from '../../../images/netboot/file-server.ts';
import { firstLabels } from '../../../images/netboot/labels.ts';
import { bootMenus } from '../../../images/netboot/menus.ts';
import { goldenKeys } from '../../../trust/golden-keys.ts';
import { makeImage } from '../../images/support/image.ts';
import { mustBe } from '../target.ts';
import { door } from './support/door.ts';
import { visit } from './support/visit.ts';

const asks = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;

export const bootServer = door({
  name: 'boot server',
  samples: [
    asks('/boot.ipxe'),
    asks('/ipxe/52-54-00-12-34-56.ipxe'),
    asks('/pxelinux.cfg/01-52-54-00-12-34-56'),
    asks('/pxelinux.cfg/default', 'Cookie: _Syslinux_BOOTIF=01-52-54-00-12-34-57; x=y\r\n'),
    asks('//images/default/vmlinuz?x', 'Range: bytes=0-1\r\nConnection: close\r\n'),
    asks('/images/default/../../keys/golden.key'),
    asks('/../../keys/golden.key'),
    'HEAD /images/default/initrd.img HTTP/1.0\r\n\r\n',
    'POST /boot.ipxe HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    'GET /boot.ipxe HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n',
  ],
  mayWrite:
    /^(?:keys\/(?:golden\.key)?|images\/(?:default\/(?:[a-z0-9.]+)?)?|pxe\/(?:boot\/|tickets\.json(?:\.lock)?)?)$/,
  open: async (state, signal) => {
    const host = '127.0.0.1';
    const image = await makeImage(state);
    mkdirSync(join(state, 'pxe/boot'), { recursive: true });
    const kernel = readFileSync(join(image, 'vmlinuz')).toString('latin1');
    const { key } = await goldenKeys();
    const secret = key.split('\n')[1] ?? key;
    const errors: string[] = [];
    const onError = ({ message }: Error) => errors.push(message);
    const port = await serveFiles({
      address: host,
      port: 0,
      menus: bootMenus({
        base: 'http://127.0.0.1:1/',
        image: 'default',
        device: 'lo',
        labels: () => firstLabels,
        onGiven: () => undefined,
        onError,
      }),
      onDownload: () => undefined,
      onError,
      signal,
    });
    const to = { host, port };
    return {
      to,
      answered: (_said, answers) => {
        mustBe(!answers.join('').includes(secret), "it gives the golden's key away");
        mustBe(errors.length === 0, `it has trouble: ${errors.join('; ')}`);
      },
      serve: async () => {
        const question = asks('/images/default/vmlinuz', 'Connection: close\r\n');
        const answer = await visit({ to }, [question], () => false);
        mustBe(answer.endsWith(kernel), 'a machine does not get its kernel');
      },
    };
  },
});
