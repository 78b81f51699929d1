// The short name of "qjs:os", for projects without @types/node: that has a module "os" of Node's.

declare module "os" {
    export * from "qjs:os";
}
