;; H41: exports the interface without its functions.
;;
;; ends: plugin/invalid
(component (instance $i) (export "ptrun:plugin/secret-source@0.1.0" (instance $i)))
