/** Prints a description as YAML, in the words of `surface.ts`. */
import { stringify } from 'yaml';
import type { Description, DiskSpec, PartitionSpec } from './model.ts';
import { typeName } from './partition-types.ts';
import { exactBytes, sizeText } from './sizes.ts';
import type { SurfaceDescription, SurfaceDisk, SurfacePartition } from './surface.ts';

/** `parseYaml` reads it back as the same description. */
export const toYaml = ({ disks, exclude, nodes }: Description): string => {
  const surface: SurfaceDescription = {
    disks: disks.map(toSurface),
    ...(exclude.length > 0 ? { exclude } : {}),
    ...(nodes.length > 0 ? { nodes: nodes.map(toSurfaceNode) } : {}),
  };
  return stringify(surface, { lineWidth: 0 });
};

const toSurfaceNode = (
  node: Description['nodes'][number],
): NonNullable<SurfaceDescription['nodes']>[number] =>
  Object.keys(node).length === 1 ? node.name : node;

const toSurface = ({ name, table, match, partitions }: DiskSpec): SurfaceDisk => {
  const { minBytes, maxBytes, ...texts } = match ?? {};
  return {
    name,
    table,
    ...(match === undefined
      ? {}
      : {
          match: {
            ...texts,
            ...(minBytes === undefined ? {} : { minSize: exactBytes(minBytes) }),
            ...(maxBytes === undefined ? {} : { maxSize: exactBytes(maxBytes) }),
          },
        }),
    partitions: partitions.map((partition) => toSurfacePartition(table, partition)),
  };
};

const toSurfacePartition = (
  table: DiskSpec['table'],
  partition: PartitionSpec,
): SurfacePartition => {
  const { number, role, size, type, name, flags, filesystem, mount, mountOptions, content } =
    partition;
  return {
    number,
    ...(role === 'logical' ? { logical: true } : {}),
    // Of a kept partition "fill" says nothing.
    ...(content === 'keep' && size.kind === 'fill' ? {} : { size: sizeText(size) }),
    type: typeName(table, type),
    ...(name === undefined ? {} : { name }),
    ...(flags.length > 0 ? { flags } : {}),
    ...(filesystem === undefined ? {} : { filesystem: toSurfaceFilesystem(filesystem) }),
    ...(mount === undefined ? {} : { mount }),
    ...(mountOptions === undefined ? {} : { mountOptions }),
    ...(role === 'extended' && content === 'empty' ? {} : { content }),
  };
};

const toSurfaceFilesystem = ({
  type,
  options,
  label,
}: NonNullable<PartitionSpec['filesystem']>): NonNullable<SurfacePartition['filesystem']> => {
  if (options.length === 0 && label === undefined) return type;
  return {
    type,
    ...(options.length > 0 ? { options } : {}),
    ...(label === undefined ? {} : { label }),
  };
};
