/**
 * How every process of ka runs Node. Its work is moving bytes on one thread:
 * background threads of V8 only take the processor from it, and memory in huge
 * pages saves it a tenth (docs/speed.md).
 */
import runtime from './runtime.json' with { type: 'json' };

/** The command that runs a bundle of dist/ on the Node this process runs on. */
export const runtimeCommand = (bundle: string): [string, ...string[]] => [
  process.execPath,
  ...runtime.arguments,
  bundle,
];

/** What its environment has besides this process's. */
export const runtimeEnvironment: Readonly<Record<string, string>> = runtime.environment;
