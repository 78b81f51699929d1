// TextEncoder and TextDecoder, of the Encoding standard.
(({encode, encodeInto, decoder, decode, label, shape, platform, plain}) => {

    class TextEncoder {
        #brand;

        static {
            platform(value => #brand in value);
        }

        get encoding() {
            this.#brand;
            return "utf-8";
        }

        encode(input = "") {
            this.#brand;
            return encode(`${input}`.toWellFormed());
        }

        encodeInto(source, destination) {
            this.#brand;
            const [read, written] = encodeInto(`${source}`.toWellFormed(), destination);
            return {read, written};
        }
    }

    class TextDecoder {
        #decoder;
        #encoding;
        #fatal;
        #ignoreBOM;

        static {
            platform(value => #decoder in value);
        }

        constructor(encoding = "utf-8", options) {
            const {fatal, ignoreBOM} = plain(options, "the options of a TextDecoder");
            this.#encoding = label(`${encoding}`);
            this.#fatal = Boolean(fatal);
            this.#ignoreBOM = Boolean(ignoreBOM);
            this.#decoder = decoder(this.#encoding, this.#fatal, this.#ignoreBOM);
        }

        get encoding() {
            return this.#encoding;
        }

        get fatal() {
            return this.#fatal;
        }

        get ignoreBOM() {
            return this.#ignoreBOM;
        }

        decode(input, options) {
            const {stream} = plain(options, "the options of decode");
            return decode(this.#decoder, input, Boolean(stream));
        }
    }

    shape(TextEncoder);
    shape(TextDecoder);
    return {TextEncoder, TextDecoder};
})
