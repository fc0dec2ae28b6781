export { type CatalogueEntry, catalogue } from './catalogue.ts'
export { syntheticDigits } from './synthetic.ts'
