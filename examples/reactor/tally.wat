;; A reactor: it has no beginning and no end of its own. It is initialised once, and then keeps a sum between calls.
(module
  (memory (export "memory") 1)
  (global $sum (mut i64) (i64.const 0))
  (func (export "_initialize"))
  (func (export "add") (param i64) (result i64)
    (global.set $sum (i64.add (global.get $sum) (local.get 0)))
    (global.get $sum))
  (func (export "spin") (loop $again (br $again))))
