;; Wants its memory where no limit looks: in tables of the engine.
(module
  (memory (export "memory") 1)
  (table 10000000 funcref)
  (table 10000000 funcref)
  (table 10000000 funcref)
  (func (export "_start")))
