;; H41: exports another interface.
;;
;; ends: plugin/not-a-source
(component (instance $i) (export "acme:other/thing@1.0.0" (instance $i)))
