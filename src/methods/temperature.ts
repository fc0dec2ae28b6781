import { type Dataset, kindOf } from '../data/dataset.ts'

/** Where nothing else is said; of next tokens the other one. */
export const usualTemperature = 2
export const textTemperature = 1

/**
 * The temperature of a distillation: as asked, else 2 (van de Ven et al. 2022), but 1 for the next tokens of texts. There are thousands of
 * them, and at 2 most of the mass that is taught lies on tokens that the old model hardly gives.
 */
export const temperatureFor = (asked: number | null | undefined, train: Dataset): number =>
  asked ?? (teachesTokens(train) ? textTemperature : usualTemperature)

/** Whether labels are tokens by their ids, as texts that are their own labels have them. */
const teachesTokens = (dataset: Dataset): boolean =>
  kindOf(dataset) === 'token-classification' && dataset.classes.every((name, id) => name === String(id))
