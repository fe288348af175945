/** The kernels a clone has. */
import { listInside } from './inside.ts';

/** Versions that have both modules and an image in /boot, oldest name first. */
export const installedKernels = async (root: string): Promise<string[]> => {
  const images = await listInside(root, '/boot');
  const directories = [
    ...(await listInside(root, '/lib/modules')),
    ...(await listInside(root, '/usr/lib/modules')),
  ];
  return [...new Set(directories)]
    .filter((version) =>
      images.some((name) => /^(vmlinu|kernel|Image)/.test(name) && name.endsWith(version)),
    )
    .sort();
};

/** Kernel images in /boot, whatever their names: Arch calls its one vmlinuz-linux. */
export const kernelImages = async (root: string): Promise<string[]> =>
  (await listInside(root, '/boot')).filter((name) => /^(vmlinu|kernel-|Image)/.test(name)).sort();
