import { EnvironmentError } from '../../errors.ts'

/** The packages that queues need, and nothing else does. */
export interface QueuePackages {
  readonly bullmq: typeof import('bullmq')
  readonly Redis: typeof import('ioredis').Redis
}

/**
 * Loads the packages where they are installed.
 *
 * @throws EnvironmentError `queue-packages`.
 */
export async function queuePackages(): Promise<QueuePackages> {
  try {
    const [bullmq, { Redis }] = await Promise.all([import('bullmq'), import('ioredis')])
    return { bullmq, Redis }
  } catch (cause) {
    throw new EnvironmentError(
      'queue-packages',
      'Queues need the packages bullmq and ioredis, which are not installed with Holdfast. Install them beside it: npm install bullmq@6 ioredis@5 (with --global where holdfast is global).',
      { cause },
    )
  }
}
