/** Runs steps in order, reports each of them, stops at the first failure. */
import { type Failure, toFailure } from '../protocol/failure.ts';
import { NamedError } from '../system/named-error.ts';
import type { Step, StepContext, StepOutcome } from './step.ts';

export interface StepReport {
  step: string;
  state: 'start' | 'progress' | 'finish' | 'skip' | 'fail';
  detail?: string;
  failure?: Failure;
}

/**
 * Runs `steps` one after the other. Every `start` reported is followed by
 * exactly one `finish`, `skip` or `fail`. The first failure is thrown as a
 * `NamedError`: `TimedOut` when the step used up its time, `Aborted` when
 * `context.signal` fired, otherwise what the step itself threw.
 */
export const runSteps = async (
  steps: readonly Step[],
  context: StepContext,
  report: (report: StepReport) => void,
): Promise<void> => {
  for (const step of steps) {
    report({ step: step.name, state: 'start' });
    context.log(`=== ${step.name}`);
    try {
      const outcome = await runInTime(step, context, report);
      const detail = outcome.detail === undefined ? {} : { detail: outcome.detail };
      report({ step: step.name, state: outcome.state, ...detail });
    } catch (error) {
      const failure = toFailure(error);
      context.log(`!!! ${step.name}: ${failure.message}`);
      report({ step: step.name, state: 'fail', failure });
      if (error instanceof NamedError) throw error;
      throw new NamedError(failure.code, failure.message, { cause: error });
    }
  }
};

const runInTime = async (
  step: Step,
  context: StepContext,
  report: (report: StepReport) => void,
): Promise<StepOutcome> => {
  const outOfTime = AbortSignal.timeout(step.timeoutMs);
  const signal = AbortSignal.any([context.signal, outOfTime]);
  try {
    if (context.signal.aborted) throw new NamedError('Aborted', `${step.name} was not started`);
    return await step.run({
      ...context,
      signal,
      progress: (detail) => {
        context.progress(detail);
        report({ step: step.name, state: 'progress', detail });
      },
    });
  } catch (error) {
    if (context.signal.aborted) {
      throw new NamedError('Aborted', `${step.name} was stopped: ${reasonOf(context.signal)}`, {
        cause: error,
      });
    }
    if (outOfTime.aborted) {
      throw new NamedError(
        'TimedOut',
        `${step.name} did not end within ${Math.round(step.timeoutMs / 1000)} s and was stopped`,
        { cause: error, output: toFailure(error).output },
      );
    }
    throw error;
  }
};

const reasonOf = (signal: AbortSignal): string =>
  signal.reason instanceof Error ? signal.reason.message : String(signal.reason);
