/** Everything that is fuzzed. */
import { bootServer } from './living/boot-server.ts';
import { controlLink } from './living/control-link.ts';
import { dataPorts } from './living/data-ports.ts';
import { questions, searches } from './living/datagrams.ts';
import { homePort } from './living/home-port.ts';
import { operatorSocket } from './living/operator-socket.ts';
import { statusPort } from './living/status-port.ts';
import type { Target } from './target.ts';
import { descriptionTargets } from './targets/descriptions.ts';

export const parsers: readonly Target[] = [...descriptionTargets];

export const livingOnes: readonly Target[] = [
  controlLink,
  statusPort,
  homePort,
  bootServer,
  operatorSocket,
  dataPorts,
  questions,
  searches,
];
