/**
 * Where things lie in the memory of a keep whose common calls are carried out by WebAssembly: what the host keeps for itself,
 * the block, what the inside keeps for itself. Offsets and sizes are bytes; words are little endian.
 *
 * The file is read by two compilers: tsc, and the one that makes WebAssembly of `assembly/`.
 */

/** Words for the executor: number, six arguments, the result, number and argument of a second call. */
export const CALL = 0;
/** Address of this memory, 64 bits. */
export const HERE = 128;
/** Address and size of the program's memory when the host looked last, 64 bits each. */
export const WINDOW = 136;
export const WINDOW_BYTES = 144;
/** Address of the C library's `clock_gettime`, 64 bits. */
export const CLOCK = 152;
/** Address of the vDSO's `getrandom`, 0 where there is none; of its state; the state's size. 64 bits each. */
export const RANDOM = 160;
/** Nonzero once the keep is over: no further call is carried out here. Right in front of the next, to be read with it. */
export const OVER = 188;
/** Nonzero: the keep must stop. The words of `Control` begin here. */
export const CONTROL = 192;
/** Native descriptors that are open and in no table, as the host's `Held` numbers them. */
export const HELD = 224;
/** struct open_how, and what fstat tells. */
export const HOW = 256;
export const STATUS = 320;
/** What the contract of entering a keep calls the run structure, of which only the first part is used: 256 bytes. */
export const RUN = 512;
/**
 * How each system call is carried out, by its number: bits 0 to 7 the way, 8 to 15 the right, 16 to 25 the native number, and
 * from 26 on which name it has in a trace that is written here, 0 for none.
 */
export const PLANS = 1024;
export const PLAN_COUNT = 512;
/** A path of at most 4096 bytes with its zero. */
export const PATH = 3072;
export const PATH_BYTES = 4096;

/** The block: BLOCK_BYTES of `sallyport/`. */
export const BLOCK = 8192;

/** What WASI calls each error number of Linux, one byte for each. */
export const ERRORS = 77824;
export const ERROR_COUNT = 4098;
/** The records of the directory that was read last; where they end; how many they are; whose they are. */
export const LISTING = 82944;
export const LISTING_BYTES = 8192;
export const LISTED_END = 82048;
export const LISTED_COUNT = 82052;
export const LISTED_NUMBER = 82056;
export const LISTED_GENERATION = 82060;
/** What was told of a file last, as the program gets it: 64 bytes. */
export const FILESTAT = 82112;

/** Rows of the host's descriptors start here; behind them lie those of the program's. */
export const ROWS = 94208;
/**
 * A trace, where there is one, relative to where it lies: how many bytes wait to be written, whether each line is written at
 * once, the bytes, how each byte is escaped, and names of calls with their lengths in front.
 */
export const TRACE_BUFFER = 8;
/** Bytes that are written as soon as there are so many. */
export const TRACE_WRITTEN_BYTES = 16384;
/** Bytes shown of data. */
export const TRACE_SHOWN_BYTES = 32;
export const TRACE_ESCAPES = 32776;
/** Four bytes of text, and in the last byte how many of them count. */
export const ESCAPE_BYTES = 8;
export const ESCAPE_LENGTH_SHIFT = 56;
export const TRACE_NAMES = 34824;
export const CALL_NAME_BYTES = 16;
export const TRACE_BYTES = 35080;

/** Memory comes in pages of so many bytes. */
export const MEMORY_PAGE_BYTES = 65536;

/** How the host carries out a call. */
export const Way = { OTHER: 0, TRANSFER: 1, FILL: 2, SEEK: 3, CLOCK: 4, OPEN: 5, CLOSE: 6, STATUS: 7 } as const;

/** What a function answers that leaves its call to JavaScript; nothing has happened then. */
export const NOT_HERE = -0x40000000;
