import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Finished runs of a bench, a line of JSON each, so that a bench that is given again runs only what is missing. */
export interface KeptLines<Line> {
  all(): Line[]
  /** Also prints it. */
  add(line: Line): void
}

export const keptLines = <Line>(path: string): KeptLines<Line> => ({
  all: () =>
    existsSync(path)
      ? readFileSync(path, 'utf8')
          .split('\n')
          .filter((line) => line !== '')
          .map((line): Line => JSON.parse(line))
      : [],
  add: (line) => {
    mkdirSync(dirname(path), { recursive: true })
    appendFileSync(path, `${JSON.stringify(line)}\n`)
    console.log(JSON.stringify(line))
  },
})
