/** Makes the faults of a scenario happen. */
import { GOLDEN_NODE } from '../../protocol/constants.ts';
import type { Fault } from './scenario.ts';
import type { World } from './world.ts';

export const applyFault = (world: World, fault: Fault): void => {
  world.clock.at(fault.atMs, () => happen(world, fault));
};

const happen = (world: World, fault: Fault): void => {
  const { clock } = world;
  const node = world.node(fault.node);
  switch (fault.kind) {
    case 'kill':
      node.kill();
      return;
    case 'power-off':
      node.powerOff();
      return;
    case 'sink-fails':
      node.failSink();
      return;
    case 'restart':
      node.kill();
      clock.after(fault.afterMs, () => node.restart());
      return;
    case 'stop':
      node.stop();
      if (fault.forMs !== undefined) clock.after(fault.forMs, () => node.goOn());
      return;
    case 'cut':
      node.cutOff();
      if (fault.forMs !== undefined) clock.after(fault.forMs, () => node.mend());
      return;
    case 'half-open': {
      const upstream = [...node.links].find((link) => link.down === node)?.up;
      if (upstream === undefined) return;
      const [from, to] = fault.direction === 'up' ? [node, upstream] : [upstream, node];
      world.block(from, to);
      for (const link of node.links) if (link.up === upstream) link.interrupt();
      // Between golden and node it ends some time: otherwise the node cannot be cloned at all.
      const forMs = fault.forMs ?? (upstream.number === GOLDEN_NODE ? 9000 : undefined);
      if (forMs !== undefined) clock.after(forMs, () => world.unblock(from, to));
      return;
    }
    case 'slow-sink':
      node.sinkBytesPerMs = world.scenario.bytesPerMs * fault.share;
      if (fault.forMs === undefined) return;
      clock.after(fault.forMs, () => {
        node.sinkBytesPerMs = Number.POSITIVE_INFINITY;
      });
      return;
    case 'sink-stall':
      node.sinkStalledUntilMs = clock.nowMs + fault.forMs;
      return;
    case 'slow-line':
      node.lineShare = fault.share;
      if (fault.forMs === undefined) return;
      clock.after(fault.forMs, () => {
        node.lineShare = 1;
      });
      return;
    case 'damage':
      node.damagedFrames += fault.frames;
  }
};
