// The floors of docs/architecture.md: a folder imports only from itself and from floors below it. A room with sub-rooms
// is entered through their doors: `index.ts`, or `index-files.ts` for what touches the disk, the process or the runtime.
const floors = [
  ['tensor', 'measure', 'errors', 'required', 'count', 'extent', 'spans'],
  ['onnx', 'data'],
  ['ops', 'tasks'],
  ['autodiff'],
  ['engine'],
  ['model'],
  ['evaluate'],
  ['methods'],
  ['train'],
  ['update'],
  ['study'],
  ['report'],
  ['cli'],
]
const folder = (name) => `^src/${name}(/|[.])`
// Errors, what throws them for a missing thing, how things are counted in words, extents, and what profiles show, stand under everything.
const underAll = ['errors', 'required', 'count', 'extent', 'spans']
const rules = floors.flatMap((rooms, level) =>
  rooms.map((room) => {
    const above = floors.slice(level + 1).flat()
    const beside = rooms.filter((other) => other !== room && !underAll.includes(other))
    const forbidden = [...above, ...(underAll.includes(room) ? [] : beside)]
    return {
      name: `floor-${room}`,
      severity: 'error',
      comment: `${room} may not import from ${forbidden.join(', ')}`,
      from: { path: folder(room) },
      to: { path: forbidden.length ? `^src/(${forbidden.join('|')})(/|[.])` : '^$' },
    }
  }),
)
const subRoom = '^src/[^/]+/[^/]+/'
const door = ['^src/[^/]+/[^/]+/index[.]ts$', '^src/[^/]+/[^/]+/index-files[.]ts$']
module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'doors',
      severity: 'error',
      comment: 'from outside a sub-room import its index.ts or index-files.ts',
      from: { path: '^src/[^/]+[.]ts$|^src/[^/]+/[^/]+[.]ts$' },
      to: { path: subRoom, pathNot: door },
    },
    {
      name: 'doors-between-sub-rooms',
      severity: 'error',
      comment: 'from outside a sub-room import its index.ts or index-files.ts',
      from: { path: '^src/([^/]+/[^/]+)/' },
      to: { path: subRoom, pathNot: [...door, '^src/$1/'] },
    },
    ...rules,
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '[.]test[.]ts$' },
  },
}
