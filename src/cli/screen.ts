import { visible } from '../report/figures/index.ts'
import { moveUp, type Progress, progressLine } from '../report/terminal.ts'

/** Where a command speaks to people: stderr, so that stdout holds results only. */
export interface Screen {
  /** Whether lines can be drawn over. */
  readonly live: boolean
  readonly colour: boolean
  readonly width: number
  /** A line that stays. */
  say(line: string): void
  /** A line that is said even with --quiet. */
  warn(line: string): void
  /** What begins now and takes a while: drawn until something else is, on no terminal a line that stays. */
  stage(line: string): void
  /** Lines that stand below the others until they are drawn again; on no terminal they are left out. */
  draw(lines: readonly string[]): void
  /** Progress: a bar on a terminal, otherwise a plain line every ten seconds. */
  progress(progress: Progress): void
}

const SECONDS_BETWEEN_LINES = 10
const MILLISECONDS_BETWEEN_DRAWINGS = 80

/** The screen of this process. */
export function openScreen({
  quiet,
  speak = (line) => line,
}: {
  readonly quiet: boolean
  /** What the library says in the words of a shell. */
  readonly speak?: ((line: string) => string) | undefined
}): Screen {
  const { stderr } = process
  const live = stderr.isTTY === true && !quiet
  const colour = live && !process.env.NO_COLOR
  const width = Math.max(40, (stderr.columns ?? 80) - 1)
  let drawn: readonly string[] = []
  let lastLine = performance.now()
  let lastDrawing = 0
  const clear = () => stderr.write(moveUp(drawn.length))
  const put = (lines: readonly string[]) => {
    if (lines.length > 0) stderr.write(`${lines.join('\n')}\n`)
  }
  const say = (line: string) => {
    if (live) clear()
    stderr.write(`${visible(speak(line))}\n`)
    if (live) put(drawn)
  }
  const draw = (lines: readonly string[]) => {
    if (!live) return
    clear()
    put(lines)
    drawn = [...lines]
  }
  return {
    live,
    colour,
    width,
    say: (line) => {
      if (!quiet) say(line)
    },
    warn: say,
    stage: (line) => {
      if (live) draw([line])
      else if (!quiet) {
        lastLine = performance.now()
        say(line)
      }
    },
    draw,
    progress: (progress) => {
      const now = performance.now()
      if (live) {
        if (now - lastDrawing < MILLISECONDS_BETWEEN_DRAWINGS) return
        lastDrawing = now
        draw([progressLine(progress, { bar: true, colour, width })])
      } else if (!quiet && now - lastLine > SECONDS_BETWEEN_LINES * 1000) {
        lastLine = now
        say(progressLine(progress))
      }
    },
  }
}
