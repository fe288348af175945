/** Everything that is fuzzed. */
import { agent } from './living/agent.ts';
import { bootServer } from './living/boot-server.ts';
import { controlLink } from './living/control-link.ts';
import { dataPorts } from './living/data-ports.ts';
import { questions, searches } from './living/datagrams.ts';
import { homePort } from './living/home-port.ts';
import { operatorSocket } from './living/operator-socket.ts';
import { statusPort } from './living/status-port.ts';
import type { Target } from './target.ts';
import { boardTargets } from './targets/board.ts';
import { chainStateTargets } from './targets/chain-state.ts';
import { clonePlanTargets } from './targets/clone-plans.ts';
import { descriptionTargets } from './targets/descriptions.ts';
import { fileTargets } from './targets/files.ts';
import { frameTargets } from './targets/frames.ts';
import { limitTargets } from './targets/limits.ts';
import { messageTargets } from './targets/messages.ts';
import { textTargets } from './targets/texts.ts';

export const parsers: readonly Target[] = [
  ...boardTargets,
  ...chainStateTargets,
  ...clonePlanTargets,
  ...descriptionTargets,
  ...fileTargets,
  ...frameTargets,
  ...limitTargets,
  ...messageTargets,
  ...textTargets,
];

export const livingOnes: readonly Target[] = [
  controlLink,
  statusPort,
  homePort,
  bootServer,
  operatorSocket,
  dataPorts,
  questions,
  searches,
  agent,
];
