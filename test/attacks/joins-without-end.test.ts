/** A member that joins again and again with its own key. */
import { expect, test } from '@jest/globals';
import { JOINS_AT_ONCE } from '../../golden/reception.ts';
import { makeKeyPair } from '../../trust/key-pair.ts';
import { eventually } from '../support/eventually.ts';
import { connectNode, openSession } from '../support/golden-session.ts';
import { someHello } from '../support/hello.ts';

test('is refused after some times, which is said once; another comes in', async () => {
  await using golden = await openSession({ wanted: 3 });
  const { token } = golden.join;
  const hello = (mac: string) => {
    const some = someHello({ target: 'directory' });
    const inventory = { ...some.inventory, macs: [mac] };
    return { ...some, inventory, admission: { ...some.admission, token } };
  };
  const keys = await makeKeyPair();
  const answers: string[] = [];
  for (let time = 0; time < JOINS_AT_ONCE + 20; time += 1) {
    const node = await connectNode(golden.join, keys);
    node.link.send(hello('52:54:00:00:00:01'));
    const answer = () => node.said('welcome') ?? node.said('eject');
    const { type } = await eventually('an answer', answer);
    answers.push(type);
  }
  const welcomes = answers.filter((type) => type === 'welcome').length;
  expect(welcomes).toBeGreaterThanOrEqual(JOINS_AT_ONCE);
  expect(welcomes).toBeLessThan(JOINS_AT_ONCE + 5);
  const said = golden.events.filter(
    (event) => event.kind === 'log' && event.message.includes('again and again'),
  );
  expect(said).toHaveLength(1);
  expect(golden.audit().filter(({ what }) => what === 'refused')).toHaveLength(1);
  const other = await connectNode(golden.join);
  other.link.send(hello('52:54:00:00:00:02'));
  await eventually('the welcome', () => other.said('welcome'));
});
