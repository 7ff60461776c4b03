;; Writes for ever, whatever it is answered.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\10\00\00\00\00\10\00\00") ;; an iovec: 4096 bytes at 16
  (data (i32.const 16) "spam spam spam spam spam spam spam spam spam spam spam spam\n")
  (func (export "_start")
    (loop $again
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (br $again))))
