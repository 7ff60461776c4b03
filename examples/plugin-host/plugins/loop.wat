;; Never ends, and never asks the host for anything.
(module
  (memory (export "memory") 1)
  (func (export "_start") (loop $again (br $again))))
