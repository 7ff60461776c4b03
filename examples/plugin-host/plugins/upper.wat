;; A plug-in that does its job: what it reads, in capitals.
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  ;; One iovec at 0, a count at 8, the text from 16 on.
  (func (export "_start")
    (local $at i32) (local $end i32) (local $byte i32)
    (i32.store (i32.const 0) (i32.const 16))
    (block $done
      (loop $again
        (i32.store (i32.const 4) (i32.const 4096))
        (br_if $done (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
        (br_if $done (i32.eqz (i32.load (i32.const 8))))
        (local.set $at (i32.const 16))
        (local.set $end (i32.add (i32.const 16) (i32.load (i32.const 8))))
        (loop $each
          (local.set $byte (i32.load8_u (local.get $at)))
          (if (i32.lt_u (i32.sub (local.get $byte) (i32.const 97)) (i32.const 26))
            (then (i32.store8 (local.get $at) (i32.sub (local.get $byte) (i32.const 32)))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br_if $each (i32.lt_u (local.get $at) (local.get $end))))
        (i32.store (i32.const 4) (i32.load (i32.const 8)))
        (br_if $done (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
        (br $again)))))
