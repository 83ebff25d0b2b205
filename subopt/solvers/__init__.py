"""One algorithm per file, one public function each; solvers never import each other."""
