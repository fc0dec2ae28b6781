const mark = 'warning: '

/** A note that is more than that: what it tells of makes a result worse or wrong. */
export const asWarning = (note: string): string => `${mark}${note}`

/** Notes, and apart from them those that are warnings, without their mark. */
export function sortedNotes(notes: Iterable<string>): {
  readonly notes: readonly string[]
  readonly warnings: readonly string[]
} {
  const all = [...new Set(notes)]
  return {
    notes: all.filter((note) => !note.startsWith(mark)),
    warnings: all.flatMap((note) => (note.startsWith(mark) ? [note.slice(mark.length)] : [])),
  }
}

/** Notes as lines for people. */
export function noteLines(notes: Iterable<string>): readonly string[] {
  const sorted = sortedNotes(notes)
  return [...sorted.notes.map((note) => `note: ${note}`), ...sorted.warnings.map(asWarning)]
}
