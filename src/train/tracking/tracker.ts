/** Numbers at one step of a run, by name: 'loss/task', 'accuracy/mean'. */
export interface Measurement {
  /** Optimiser steps since the run began. */
  readonly step: number
  readonly numbers: Readonly<Record<string, number>>
}

/** How a run ended. */
export type TrackedEnd = 'finished' | 'failed' | 'interrupted'

/**
 * Keeps a run's numbers where other programs show them. A tracker never stops what it follows: what cannot be kept is
 * counted, warned of once, and said at the end.
 */
export interface Tracker {
  /** Takes numbers down. Does not throw and does not wait. */
  log(measurement: Measurement): void
  /** Sends what is left and ends the record. Returns what was not logged, in words; undefined where everything was. */
  close(end: TrackedEnd): Promise<string | undefined>
}

/**
 * Passes events on as they come, and logs the numbers among them. The tracker stays open, as only the caller knows how it
 * ends.
 *
 * @param measured the numbers of an event, if it has some: {@link learnMeasurements}
 * @example
 * for await (const event of track(learn(options), tracker, learnMeasurements())) console.log(event.type)
 */
export async function* track<Event, Result>(
  events: AsyncGenerator<Event, Result>,
  tracker: Tracker,
  measured: (event: Event) => Measurement | undefined,
): AsyncGenerator<Event, Result> {
  try {
    let next = await events.next()
    while (!next.done) {
      const measurement = measured(next.value)
      if (measurement) tracker.log(measurement)
      yield next.value
      next = await events.next()
    }
    return next.value
  } finally {
    // Whoever stops listening early ends the source as well.
    await events.return(undefined as never)
  }
}

/** Several trackers as one. */
export function trackers(all: readonly Tracker[]): Tracker {
  return {
    log: (measurement) => {
      for (const tracker of all) tracker.log(measurement)
    },
    close: async (end) => {
      const missing = await Promise.all(all.map((tracker) => tracker.close(end)))
      const said = missing.filter((text) => text !== undefined)
      return said.length > 0 ? said.join('\n') : undefined
    },
  }
}
