/** A description from its file, in whichever of the two languages it is. */
import { type FileHandle, open } from 'node:fs/promises';
import { NamedError } from '../system/named-error.ts';
import { printable } from '../system/printable.ts';
import { parseClassic } from './classic.ts';
import type { Description } from './model.ts';
import { parseYaml } from './yaml.ts';

/** YAML (and so JSON) by the name alone. */
export const isYamlFile = (file: string): boolean => /\.(?:ya?ml|json)$/i.test(file);

/** First words of the classic language; with a colon behind they are a slip, not a key of YAML. */
const classicWords = /^(?:linux|swap|extended|logical|type[0-9a-f]*)$/i;

/**
 * Whether text is YAML, by its first line that is neither blank nor a comment:
 * a document mark, a bracket or `key:`. Classic has none of these.
 */
export const looksLikeYaml = (text: string): boolean => {
  const lines = text.split('\n').map((line) => line.trim());
  const first = lines.find((line) => line !== '' && !line.startsWith('#')) ?? '';
  if (/^(?:---(?:\s|$)|%YAML\s|[{[])/.test(first)) return true;
  const key = /^(["']?)([A-Za-z_][\w-]*)\1\s*:(?:\s|$)/.exec(first)?.[2];
  return key !== undefined && !classicWords.test(key);
};

/** A thousand disks and ten thousand nodes are less; a disk image or /dev/zero given by mistake is more. */
const MOST_BYTES = 4 * 1024 * 1024;

/**
 * Reads a description file. YAML by the extension of its name (.yaml, .yml,
 * .json) or by its first line, otherwise classic. `disk` is the name of the disk
 * a classic file is for (`-p sda FILE`); YAML files name theirs.
 *
 * Throws `DescError`, or `NamedError` `DescUnreadable`.
 */
export const loadDescription = async (
  file: string,
  { disk }: { disk: string },
): Promise<Description> => {
  const text = await readText(file);
  if (isYamlFile(file) || looksLikeYaml(text)) return parseYaml(text, { file });
  return { disks: [parseClassic(text, { file, disk })], exclude: [], nodes: [] };
};

const readText = async (file: string): Promise<string> => {
  const unreadable = (why: string, cause?: unknown) =>
    new NamedError('DescUnreadable', `cannot read the description ${printable(file)}: ${why}`, {
      cause,
    });
  const bytes = await readBounded(file).catch((cause: NodeJS.ErrnoException) => {
    throw unreadable(cause.message, cause);
  });
  if (bytes.length > MOST_BYTES) {
    throw unreadable(`it has more than ${MOST_BYTES / 1024 / 1024} MiB; is it a description?`);
  }
  if (bytes.includes(0)) throw unreadable('it is not text; is it a description?');
  // The mark some editors put in front of UTF-8.
  return bytes.toString('utf8').replace(/^\uFEFF/, '');
};

/** The file, or as much of it as shows that it is too large: pipes and devices do not tell their size. */
const readBounded = async (file: string): Promise<Buffer> => {
  const handle: FileHandle = await open(file, 'r');
  try {
    const chunks: Buffer[] = [];
    for (let total = 0; total <= MOST_BYTES; ) {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(64 * 1024), 0, 64 * 1024, null);
      if (bytesRead === 0) break;
      chunks.push(buffer.subarray(0, bytesRead));
      total += bytesRead;
    }
    return Buffer.concat(chunks);
  } finally {
    await handle.close();
  }
};
