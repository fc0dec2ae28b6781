/** The runtime of browsers. All else is in `holdfast`, which a bundler for browsers takes without Node's parts. */
export { ortWeb, type WebEngineOptions, type WebRuntime } from './engine/ort-web.ts'
