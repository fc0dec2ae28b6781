declare module '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs' {
  interface Decoder {
    /** Room for the file's bytes, to be filled before anything else is asked for. */
    getEncodedBuffer(length: number): Uint8Array
    /** Throws what is no Error where the file is damaged. */
    decode(): void
    /** A copy of the pixels, one channel or three interleaved. */
    getDecodedBuffer(): Uint8ClampedArray
    getFrameInfo(): {
      readonly width: number
      readonly height: number
      readonly componentCount: 1 | 3
    }
  }
  interface Settings {
    readonly instantiateWasm?: (
      imports: WebAssembly.Imports,
      done: (instance: WebAssembly.Instance) => void,
    ) => object
  }
  const load: (settings?: Settings) => Promise<{ readonly JPEGDecoder: new () => Decoder }>
  export default load
}
