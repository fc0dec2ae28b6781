import { count } from '../count.ts'
import { points } from '../measure/points.ts'
import type { RoundsRecord } from '../measure/results.ts'
import { runTextsLines } from '../report/run-texts.ts'
import { liveTable } from '../report/terminal.ts'
import { itemAt } from '../required.ts'
import type { KeptOutcome } from '../train/folders/index-files.ts'
import type { LearnEvent } from '../train/run/index.ts'
import type { Screen } from './screen.ts'
import type { Answer } from './verb.ts'

/** Shows one run as it goes: a bar, and a line for each task learned. */
export function runProgress(label: string, screen: Screen): (event: LearnEvent) => void {
  let tasks: readonly string[] = []
  let untold = false
  let steps = 0
  return (event) => {
    if (event.type === 'started') {
      tasks = event.tasks
      untold = event.untold === true
      steps = event.trained ?? event.steps
      if (event.resumed) screen.say('Going on from the last checkpoint.')
    } else if (event.type === 'progress') {
      const { task, step, of, stepsPerSecond } = event
      screen.progress({
        label: untold ? label : `${label}, task ${task + 1} of ${tasks.length}`,
        done: task * of + step,
        total: steps,
        rate: stepsPerSecond,
      })
    } else if (event.type === 'stopped-early') {
      screen.say(`Task ${event.task + 1} ended early at step ${event.step}.`)
    } else if (event.type === 'task-finished') {
      const seen = event.accuracies.slice(0, event.seen ?? event.task + 1).map((accuracy) => points(accuracy))
      const learned = untold
        ? `Learned ${event.task + 1} of ${tasks.length} pieces of the stream.`
        : `Learned "${tasks[event.task] ?? event.task + 1}".`
      screen.say(`${learned} Accuracy on tasks so far, %: ${seen.join('  ')}${bitsSaid(event)}`)
    }
  }
}

/** The bits per byte that go with the accuracies of tasks so far. */
function bitsSaid({ texts = [], seen, task }: Extract<LearnEvent, { type: 'task-finished' }>): string {
  const known = texts.slice(0, seen ?? task + 1).flatMap(({ bitsPerByte }) => bitsPerByte ?? [])
  return known.length === 0 ? '' : `; bits per byte: ${known.map((bits) => bits.toFixed(3)).join('  ')}`
}

const MOST_NAMED = 5

/** How replicas went, and where the mean was over some of them. */
function roundLines({ rounds, bytes, missed }: RoundsRecord): string[] {
  const named = missed
    .slice(0, MOST_NAMED)
    .map(
      ({ task, step, replicas }) =>
        `  task ${task + 1}, to step ${step}: without ${replicas.map((each) => `replica ${each + 1}`).join(', ')}`,
    )
  return [
    `Replicas: ${count(rounds, 'round')}, ${(bytes / 1e6).toFixed(1)} MB read and written by them.`,
    ...(missed.length === 0 ? [] : [`Rounds that not all of them delivered in: ${missed.length}`, ...named]),
    ...(missed.length > MOST_NAMED ? [`  and ${missed.length - MOST_NAMED} more (result.json)`] : []),
  ]
}

/** What a run in a folder answers. */
export function runAnswer(
  outcome: KeptOutcome,
  tasks: readonly string[],
  dataset: { readonly name: string; readonly synthetic: boolean },
): Answer {
  const { folder } = outcome
  if (outcome.status === 'interrupted') {
    return {
      json: { status: 'interrupted', run: folder, position: outcome.position },
      text: `Stopped in task ${outcome.position.task + 1} at step ${outcome.position.step}. Go on with: holdfast resume ${folder}`,
      exitCode: 1,
    }
  }
  const { result, parametersSha256 } = outcome
  const table = liveTable(
    [
      {
        method: result.method,
        accuracies: itemAt(result.matrix, result.matrix.length - 1, 'row of the matrix'),
      },
    ],
    tasks,
  )
  const texts = runTextsLines(result, tasks)
  return {
    json: { status: 'finished', run: folder, parametersSha256, dataset, tasks, result },
    text: [
      `${result.benchmark} on ${dataset.name}${dataset.synthetic ? ' (synthetic: not comparable with published figures)' : ''}, accuracy in %`,
      '',
      ...table,
      '',
      ...(texts.length > 0 ? [...texts, ''] : []),
      ...(result.rounds ? roundLines(result.rounds) : []),
      `Parameters, sha256: ${parametersSha256}`,
      `Run: ${folder} (the model, result.json). A report: holdfast report ${folder} -o report.html`,
    ].join('\n'),
  }
}
