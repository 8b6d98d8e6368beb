#pragma once
/// Eigenvalues and vectors of a symmetric matrix, in steps between which the work can be cancelled.
#include <Eigen/Core>

#include "pgml/stop_token.h"

namespace pgml {

/**
 * What Eigen::SelfAdjointEigenSolver does (Householder to tridiagonal form, implicit QR), which takes minutes for
 * thousands of columns and cannot be interrupted.
 * @param matrix  only the lower triangle is read; becomes the eigenvectors, a column each
 * @param values  becomes the eigenvalues, descending
 * @throws Error(kInternal) when it does not converge; Cancelled
 */
void SymmetricEigen(Eigen::MatrixXd &matrix, Eigen::VectorXd &values, const StopToken &stop);

} // namespace pgml
