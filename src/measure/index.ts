/**
 * Measurements, `postern/measure`: MRENCLAVE, SIGSTRUCT, EINIT's comparison, REPORT, TARGETINFO, version 3 quotes, and the measurement
 * of a Postern keep. See docs/measure.md.
 */
export { certificateFrom, commonName } from "./certificates.js";
export { aesCmac } from "./cmac.js";
export {
  compareAttributes,
  type EinitResult,
  type EinitVerdict,
  einit,
  type MaskedFields,
  type SecsFields,
} from "./einit.js";
export {
  type ByteSource,
  ELF_IMAGE_MAX,
  type ElfLayout,
  type ElfLayoutOptions,
  layOutElf,
  sourceOfBytes,
} from "./elf.js";
export { MeasureError, type MeasureReason } from "./error.js";
export {
  encodeKeep,
  type GrantedDirectory,
  type GrantedSocket,
  identifyProgram,
  type KeepDescription,
  type KeepMeasurement,
  measureKeep,
  type ProgramIdentity,
  type Text,
} from "./keep.js";
export { compareKeeps, decodeKeep } from "./keep-decode.js";
export { buildTcs, LISTED_PAGES_MAX, pageData, parsePageList, parsePageListText } from "./page-list.js";
export {
  EnclaveMeasurer,
  type MeasuredChunks,
  type Measurement,
  type MeasureOptions,
  measurePages,
  PAGES_MAX,
  type Page,
  type PageList,
} from "./pages.js";
export { CERTIFICATION, parseQuote, QUOTE_BYTES_MAX, type Quote } from "./quote.js";
export {
  certificatesOf,
  checkQuote,
  INTEL_QE_MRSIGNER,
  type QuoteChecks,
  type QuotePolicy,
  type QuoteVerdict,
  type VerifiedStep,
  verifyQuote,
} from "./quote-verify.js";
export {
  type FieldsInput,
  makeReport,
  makeTargetInfo,
  parseReport,
  parseReportBody,
  parseTargetInfo,
  REPORT_SIZE,
  type Report,
  type ReportBody,
  reservedOfReportBody,
  softwareReportKey,
  TARGETINFO_SIZE,
  type TargetInfo,
  targetInfoOf,
  verifyReport,
} from "./report.js";
export { measureSgxs, measureSgxsStream, SGXS_BYTES_MAX, type SgxsMeasurement, SgxsMeasurer } from "./sgxs.js";
export {
  assembleSigstruct,
  bytesToSign,
  draftSigstruct,
  type NumberLike,
  type SignedSigstruct,
  type SigningKey,
  type SigstructInput,
  signSigstruct,
} from "./sign.js";
export {
  EINIT_CODES,
  type EinitError,
  parseSigstruct,
  SIGSTRUCT_SIZE,
  type SigstructFields,
  type SigstructVerdict,
  verifySigstruct,
} from "./sigstruct.js";
