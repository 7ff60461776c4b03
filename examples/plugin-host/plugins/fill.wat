;; Never ends either: fills its memory, again and again, with one instruction.
(module
  (memory (export "memory") 200)
  (func (export "_start")
    (loop $again
      (memory.fill (i32.const 0) (i32.const 1) (i32.const 13107200))
      (br $again))))
