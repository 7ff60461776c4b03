;; Looks for a way out: files that were not granted, descriptors that are not its own, memory that is not its own.
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "refused \00\00\n")
  (data (i32.const 128) "GOT IT: ")
  (data (i32.const 256) "../secret.txt")
  (data (i32.const 288) "link")
  (data (i32.const 320) "/etc/passwd")
  (data (i32.const 352) "words.txt/../../secret.txt")
  (data (i32.const 384) "new.txt")

  ;; Writes bytes of the memory to standard output; the iovec is at 0, the count at 8.
  (func $print (param $at i32) (param $length i32)
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (local.get $length))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))

  ;; Says with which error number of WASI something was refused, or shows what was read.
  (func $report (param $error i32)
    (if (local.get $error)
      (then
        (i32.store8 (i32.const 72) (i32.add (i32.const 48) (i32.div_u (local.get $error) (i32.const 10))))
        (i32.store8 (i32.const 73) (i32.add (i32.const 48) (i32.rem_u (local.get $error) (i32.const 10))))
        (call $print (i32.const 64) (i32.const 11)))
      (else
        (call $print (i32.const 128) (i32.const 8))
        (call $print (i32.const 1024) (i32.load (i32.const 20))))))

  ;; Reads from a descriptor to 1024; the iovec is at 12.
  (func $take (param $descriptor i32) (result i32)
    (i32.store (i32.const 12) (i32.const 1024))
    (i32.store (i32.const 16) (i32.const 256))
    (call $read (local.get $descriptor) (i32.const 12) (i32.const 1) (i32.const 20)))

  ;; Opens a path beneath the directory the plug-in was given, which is descriptor 3, following links, and reads it.
  (func $try (param $path i32) (param $length i32) (param $create i32)
    (local $error i32)
    (local.set $error
      (call $open (i32.const 3) (i32.const 1) (local.get $path) (local.get $length) (local.get $create)
        (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 24))) ;; the right to read
    (if (i32.eqz (local.get $error)) (then (local.set $error (call $take (i32.load (i32.const 24))))))
    (call $report (local.get $error)))

  (func (export "_start")
    (local $descriptor i32) (local $error i32)
    (call $try (i32.const 256) (i32.const 13) (i32.const 0))
    (call $try (i32.const 288) (i32.const 4) (i32.const 0))
    (call $try (i32.const 320) (i32.const 11) (i32.const 0))
    (call $try (i32.const 352) (i32.const 26) (i32.const 0))
    (call $try (i32.const 384) (i32.const 7) (i32.const 1))
    ;; Every other descriptor: is there one that can be read?
    (local.set $descriptor (i32.const 4))
    (local.set $error (i32.const 8))
    (loop $next
      (local.set $error (call $take (local.get $descriptor)))
      (local.set $descriptor (i32.add (local.get $descriptor) (i32.const 1)))
      (br_if $next (i32.and (i32.ne (local.get $error) (i32.const 0))
                            (i32.lt_u (local.get $descriptor) (i32.const 4096)))))
    (call $report (local.get $error))
    ;; Memory behind its own end, to be written out by the host.
    (i32.store (i32.const 0) (i32.const 65000))
    (i32.store (i32.const 4) (i32.const 100000))
    (call $report (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
