import { catalogue } from '../../data/catalogue/index.ts'

/** Whether a source is a data set of the catalogue, or drawn, and no path. */
export const isNamed = (source: string): boolean =>
  source === 'synthetic' || catalogue.some(({ name }) => name === source.toLowerCase())

/** What `model.old` says for texts that the model writes itself. */
export const SELF = 'self'
