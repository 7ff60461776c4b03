;; Reads outside of its memory.
(module
  (memory (export "memory") 1)
  (func $parse (result i32) (i32.load (i32.const -4)))
  (func (export "_start") (drop (call $parse))))
