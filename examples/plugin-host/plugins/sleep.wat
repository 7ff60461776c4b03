;; Never ends either: waits for a clock, for ever.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  ;; A subscription of 48 bytes at 0: the monotonic clock, 2^62 ns from now.
  (data (i32.const 16) "\01")
  (data (i32.const 24) "\00\00\00\00\00\00\00\40")
  (func (export "_start")
    (loop $again
      (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))
      (br $again))))
