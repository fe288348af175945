import TestRunner from 'jest-runner';

/**
 * One file after the other: these tests use loop devices, namespaces and mounts,
 * of which a machine has one set.
 */
export default class SerialRunner extends TestRunner {
  isSerial = true;
}
