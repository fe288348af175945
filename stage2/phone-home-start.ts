/** What starts the call home at the clone's first boot, for the init the clone has. */
import { existsInside, inside, listInside } from '../system/inside.ts';

const NAME = 'ka-phone-home';
const UNIT = `/etc/systemd/system/${NAME}.service`;
const UNIT_LINK = `/etc/systemd/system/multi-user.target.wants/${NAME}.service`;
const INIT_SCRIPT = `/etc/init.d/${NAME}`;
const OPENRC_LINK = `/etc/runlevels/default/${NAME}`;
/** sysvinit's levels with a network. */
const RC_DIRECTORIES = [2, 3, 4, 5].map((level) => `/etc/rc${level}.d`);
/** Debian's tool chooses the number itself. */
const RC_LINK = /^[SK]\d\dka-phone-home$/;

/** Every file and link that may be there, of whatever init. */
export const findStarters = async (root: string): Promise<string[]> => {
  const found = [UNIT, UNIT_LINK, INIT_SCRIPT, OPENRC_LINK];
  for (const directory of RC_DIRECTORIES) {
    const names = await listInside(root, directory);
    found.push(...names.filter((name) => RC_LINK.test(name)).map((name) => `${directory}/${name}`));
  }
  return found;
};

const DESCRIPTION = 'Tell the golden node that this clone runs from its own disk';

interface Init {
  name: string;
  /** What it reads, and the links to it that make it do so. */
  file: string;
  links: readonly string[];
  text: string;
  mode: number;
  /** Debian's sysvinit only starts what its own tool knows of: run in the clone, instead of making links. */
  enable?: readonly [string, ...string[]];
  /** Shell command for the script, once its files are gone. */
  disable?: string;
}

/** Not `oneshot`: that would hold up the target, and all that comes after it, while the golden does not answer. */
const systemd = (script: string): Init => ({
  name: 'systemd',
  file: UNIT,
  links: [UNIT_LINK],
  mode: 0o644,
  text: `\
[Unit]
Description=${DESCRIPTION}
Wants=network-online.target
After=network-online.target

[Service]
Type=simple
ExecStart=/bin/sh ${script}

[Install]
WantedBy=multi-user.target
`,
});

const openrc = (script: string): Init => ({
  name: 'openrc',
  file: INIT_SCRIPT,
  links: [OPENRC_LINK],
  mode: 0o755,
  text: `\
#!/sbin/openrc-run
description="${DESCRIPTION}"

depend() {
  after net
}

start() {
  /bin/sh ${script} </dev/null >/dev/null 2>&1 &
}
`,
});

const sysvinit = (script: string, links: readonly string[], hasUpdater: boolean): Init => ({
  name: 'sysvinit',
  ...(hasUpdater
    ? { enable: ['update-rc.d', NAME, 'defaults'], disable: `update-rc.d ${NAME} remove` }
    : {}),
  file: INIT_SCRIPT,
  links,
  mode: 0o755,
  text: `\
#!/bin/sh
### BEGIN INIT INFO
# Provides:          ${NAME}
# Required-Start:    $remote_fs $network
# Required-Stop:
# Default-Start:     2 3 4 5
# Default-Stop:
# Short-Description: ${DESCRIPTION}
### END INIT INFO
if [ "$1" = start ]; then
  /bin/sh ${script} </dev/null >/dev/null 2>&1 &
fi
`,
});

const SYSTEMD_PLACES = ['/usr/lib/systemd/systemd', '/lib/systemd/systemd'];

/** By what /sbin/init is; where several are installed only one of them is that. */
export const findInit = async (root: string, script: string): Promise<Init | null> => {
  if ((await inside(root, '/sbin/init')).endsWith('/systemd')) return systemd(script);
  if (await existsInside(root, '/sbin/openrc-run')) return openrc(script);
  const links: string[] = [];
  for (const directory of RC_DIRECTORIES) {
    // After everything else there.
    if (await existsInside(root, directory)) links.push(`${directory}/S99${NAME}`);
  }
  if (links.length > 0 && (await existsInside(root, '/sbin/init'))) {
    return sysvinit(script, links, await existsInside(root, '/usr/sbin/update-rc.d'));
  }
  for (const place of SYSTEMD_PLACES) if (await existsInside(root, place)) return systemd(script);
  return null;
};
