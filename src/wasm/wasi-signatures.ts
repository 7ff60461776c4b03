/**
 * The functions of WASI preview 1 and their parameters: `i` is an i32, `I` an i64, in order. The result of every function
 * is one i32, the errno, except those in {@link functionsWithoutResult}.
 *
 * Source: the WASI 0.1 witx files, lowered as the application ABI says.
 */
export const wasiSignatures: Readonly<Record<string, string>> = {
  args_get: "ii",
  args_sizes_get: "ii",
  environ_get: "ii",
  environ_sizes_get: "ii",
  clock_res_get: "ii",
  clock_time_get: "iIi",
  random_get: "ii",
  sched_yield: "",
  proc_exit: "i",
  proc_raise: "i",
  poll_oneoff: "iiii",
  fd_advise: "iIIi",
  fd_allocate: "iII",
  fd_close: "i",
  fd_datasync: "i",
  fd_fdstat_get: "ii",
  fd_fdstat_set_flags: "ii",
  fd_fdstat_set_rights: "iII",
  fd_filestat_get: "ii",
  fd_filestat_set_size: "iI",
  fd_filestat_set_times: "iIIi",
  fd_pread: "iiiIi",
  fd_prestat_dir_name: "iii",
  fd_prestat_get: "ii",
  fd_pwrite: "iiiIi",
  fd_read: "iiii",
  fd_readdir: "iiiIi",
  fd_renumber: "ii",
  fd_seek: "iIii",
  fd_sync: "i",
  fd_tell: "ii",
  fd_write: "iiii",
  path_create_directory: "iii",
  path_filestat_get: "iiiii",
  path_filestat_set_times: "iiiiIIi",
  path_link: "iiiiiii",
  path_open: "iiiiiIIii",
  path_readlink: "iiiiii",
  path_remove_directory: "iii",
  path_rename: "iiiiii",
  path_symlink: "iiiii",
  path_unlink_file: "iii",
  sock_accept: "iii",
  sock_recv: "iiiiii",
  sock_send: "iiiii",
  sock_shutdown: "ii",
};

/** Functions that return nothing. */
export const functionsWithoutResult: ReadonlySet<string> = new Set(["proc_exit"]);

/** Functions that read and write no memory: a module that imports no others needs none. */
export const functionsWithoutMemory: ReadonlySet<string> = new Set([
  "sched_yield",
  "proc_exit",
  "proc_raise",
  "fd_advise",
  "fd_allocate",
  "fd_close",
  "fd_datasync",
  "fd_fdstat_set_flags",
  "fd_fdstat_set_rights",
  "fd_filestat_set_size",
  "fd_filestat_set_times",
  "fd_renumber",
  "fd_sync",
  "sock_shutdown",
]);

/** The module name of WASI preview 1 and that of the generation before it. */
export const WASI_PREVIEW1 = "wasi_snapshot_preview1";
export const WASI_UNSTABLE = "wasi_unstable";

/** Functions that {@link WASI_UNSTABLE} does not have. */
const functionsNotInUnstable: ReadonlySet<string> = new Set(["sock_accept"]);

/**
 * Parameters of a WASI function, or `undefined` if that module has no such function.
 *
 * @param module name of the module it is imported from
 * @param name name of the function
 */
export function wasiSignature(module: string, name: string): string | undefined {
  if (module !== WASI_PREVIEW1 && module !== WASI_UNSTABLE) return undefined;
  if (module === WASI_UNSTABLE && functionsNotInUnstable.has(name)) return undefined;
  return Object.hasOwn(wasiSignatures, name) ? wasiSignatures[name] : undefined;
}
