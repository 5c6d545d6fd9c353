export { SimDisk } from "./sim-disk.ts";
