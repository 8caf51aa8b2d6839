// How a call of runKernel becomes one of a table's kernels: sizes and windows in the order of kernel_list.cpp.
#pragma once

#include "kernel_list.h"

namespace nonneg {

// Rows that list many columns gather coordinate by coordinate, the others once: both ways are taken.
inline int64_t cd_csr_scratch(const sizes& d) {
  return cd_scratch(d.columns) + d.rank * d.columns / 4;
}

template<class T> struct body {
  using table = nonneg_kernels<T>;

  static void xht_dense(const table& k, const sizes& d, const windows& b, T*) {
    k.xht_dense(d.rows, d.columns, d.rank, b[0].at<T>(), d.stride, b[1].at<T>(), d.rank, b[2].at<T>(), d.rank);
  }
  static void xtw_dense(const table& k, const sizes& d, const windows& b, T*) {
    k.xtw_dense(d.rows, d.columns, d.rank, b[0].at<T>(), d.stride, b[1].at<T>(), d.rank, b[2].at<T>(), d.rank);
  }
  static void xht_csr(const table& k, const sizes& d, const windows& b, T*) {
    k.xht_csr(d.rows, d.rank, b[0].at<uint32_t>(), b[1].at<uint32_t>(), b[2].at<T>(), b[3].at<T>(), d.rank,
              b[4].at<T>(), d.rank);
  }
  static void gram(const table& k, const sizes& d, const windows& b, T*) {
    k.gram(d.rows, d.rank, b[0].at<T>(), d.rank, b[1].at<T>(), d.rank);
  }
  static void mu_update(const table& k, const sizes& d, const windows& b, T* scratch) {
    k.mu_update(d.rows, d.rank, b[0].at<T>(), d.rank, b[1].at<T>(), d.rank, b[2].at<T>(), d.rank, d.terms<T>(),
                scratch);
  }
  static void wh_dense(const table& k, const sizes& d, const windows& b, T*) {
    k.wh_dense(d.rows, d.columns, d.rank, b[0].at<T>(), d.rank, b[1].at<T>(), d.stride, b[2].at<T>(), d.columns);
  }
  static void beta_terms(const table& k, const sizes& d, const windows& b, T*) {
    tile_of_X<T> tile;
    tile.rows = d.rows;
    tile.columns = d.columns;
    tile.X = b[0].at<T>();
    tile.V = d.weighted ? b[1].at<T>() : nullptr;
    tile.ldx = tile.ldv = d.stride;
    tile.U = b[2].at<T>();
    tile.P = d.push ? b[3].at<T>() : nullptr;
    tile.C = d.bend ? b[4].at<T>() : nullptr;
    tile.ldu = d.columns;
    tile.loss = d.measure ? b[5].at<double>() : nullptr;
    tile.beta = d.beta;
    k.beta_terms(tile);
  }
  static void beta_xht_csr(const table& k, const sizes& d, const windows& b, T*) {
    entries_of_X<T> e;
    e.rows = d.rows;
    e.rank = e.ldf = e.ldo = e.ldn = e.ldp = d.rank;
    e.indptr = b[0].at<uint32_t>();
    e.indices = b[1].at<uint32_t>();
    e.values = b[2].at<T>();
    e.weights = d.weighted ? b[3].at<T>() : nullptr;
    e.F = b[4].at<T>();
    e.O = b[5].at<T>();
    e.norms = b[6].at<T>();
    e.N = b[7].at<T>();
    e.P = d.push ? b[8].at<T>() : nullptr;
    e.L = d.bend ? b[9].at<T>() : nullptr;
    e.loss = d.measure ? b[10].at<double>() : nullptr;
    e.beta = d.beta;
    e.zeros = d.zeros != 0;
    k.beta_xht_csr(e);
  }
  static void mu_ratio(const table& k, const sizes& d, const windows& b, T*) {
    k.mu_ratio(d.rows, d.rank, b[0].at<T>(), d.rank, b[1].at<T>(), d.rank, b[2].at<T>(), d.shared ? 0 : d.rank, d.gamma,
               d.terms<T>());
  }
  static void online_update(const table& k, const sizes& d, const windows& b, T*) {
    k.online_update(d.rows, d.rank, b[0].at<T>(), b[1].at<T>(), b[2].at<T>(), d.rank, b[3].at<T>(), d.rank,
                    b[4].at<T>(), d.shared ? 0 : d.rank, d.gamma, T(d.keep), d.terms<T>());
  }
  static void pg_step(const table& k, const sizes& d, const windows& b, T*) {
    *b[4].at<double>() +=
        k.pg_step(d.rows, d.rank, b[0].at<T>(), d.rank, b[1].at<T>(), d.rank, b[2].at<T>(), d.shared & 1 ? 0 : d.rank,
                  b[3].at<T>(), d.shared & 2 ? 0 : 1, T(d.step), d.terms<T>());
  }
  static void cd_dense(const table& k, const sizes& d, const windows& b, T* scratch) {
    descent_of_tile<T> a;
    a.rows = d.rows;
    a.columns = a.ldo = d.columns;
    a.rank = a.ldf = d.rank;
    a.X = b[0].at<T>();
    a.V = d.weighted ? b[1].at<T>() : nullptr;
    a.ldx = a.ldv = d.stride;
    a.O = b[2].at<T>();
    a.F = b[3].at<T>();
    a.loss = d.measure ? b[4].at<double>() : nullptr;
    a.violation = b[5].at<double>();
    a.beta = d.beta;
    a.terms = d.terms<T>();
    a.scratch = scratch;
    k.cd_dense(a);
  }
  static void cd_csr(const table& k, const sizes& d, const windows& b, T* scratch) {
    descent_of_entries<T> a;
    a.rows = d.rows;
    a.rank = a.ldf = a.ldo = d.rank;
    a.indptr = b[0].at<uint32_t>();
    a.indices = b[1].at<uint32_t>();
    a.values = b[2].at<T>();
    a.weights = d.weighted ? b[3].at<T>() : nullptr;
    a.O = b[4].at<T>();
    a.sums = d.zeros ? b[5].at<T>() : nullptr;
    a.F = b[6].at<T>();
    a.loss = d.measure ? b[7].at<double>() : nullptr;
    a.violation = b[8].at<double>();
    a.beta = d.beta;
    a.terms = d.terms<T>();
    a.scratch = scratch;
    a.scratch_length = cd_csr_scratch(d);
    k.cd_csr(a);
  }
  static void holdout(const table& k, const sizes& d, const windows& b, T*) {
    k.holdout(d.rows, d.columns, uint32_t(d.row), uint32_t(d.column), uint32_t(d.seed), uint32_t(d.threshold),
              d.complement != 0, b[0].at<T>(), d.columns);
  }
  static void hals_update(const table& k, const sizes& d, const windows& b, T* scratch) {
    *b[3].at<double>() += k.hals_update(d.rows, d.rank, b[0].at<T>(), d.rank, b[1].at<T>(), d.rank, b[2].at<T>(),
                                        d.rank, d.terms<T>(), scratch);
  }
  static void bpp_update(const table& k, const sizes& d, const windows& b, T* scratch) {
    *b[3].at<double>() += k.bpp_update(d.rows, d.rank, b[0].at<T>(), d.rank, b[1].at<T>(), d.rank, b[2].at<T>(), d.rank,
                                       d.terms<T>(), reinterpret_cast<double*>(scratch));
  }
  static weighed_rows<T> weighed(const sizes& d, T* scratch) {
    weighed_rows<T> a;
    a.rows = d.rows;
    a.columns = d.columns;
    a.rank = a.readable = a.ldf = a.ldo = d.rank;
    a.terms = d.terms<T>();
    a.scratch = reinterpret_cast<double*>(scratch);
    return a;
  }
  static void bpp_dense(const table& k, const sizes& d, const windows& b, T* scratch) {
    weighed_rows<T> a = weighed(d, scratch);
    a.X = b[0].at<T>();
    a.V = b[1].at<T>();
    a.ldx = a.ldv = d.stride;
    a.O = b[2].at<T>();
    a.F = b[3].at<T>();
    a.loss = d.measure ? b[4].at<double>() : nullptr;
    a.violation = b[5].at<double>();
    k.bpp_dense(a);
  }
  static void bpp_csr(const table& k, const sizes& d, const windows& b, T* scratch) {
    weighed_rows<T> a = weighed(d, scratch);
    a.indptr = b[0].at<uint32_t>();
    a.indices = b[1].at<uint32_t>();
    a.X = b[2].at<T>();
    a.V = b[3].at<T>();
    a.O = b[4].at<T>();
    a.F = b[5].at<T>();
    a.loss = d.measure ? b[6].at<double>() : nullptr;
    a.violation = b[7].at<double>();
    k.bpp_csr(a);
  }
  static void sgd_update(const table& k, const sizes& d, const windows& b, T* scratch) {
    gradient_step<T> a;
    a.rows = d.rows;
    a.rank = a.ld = a.ldg = d.rank;
    a.F = b[0].at<T>();
    a.N = b[1].at<T>();
    a.G = b[2].at<T>();
    a.D = d.remember ? b[3].at<T>() : nullptr;
    a.sums = b[4].at<double>();
    a.rate = d.rate;
    a.scale = d.scale;
    a.noise = d.noise;
    a.seed = uint32_t(d.seed);
    a.draw = uint32_t(d.draw);
    a.first = uint32_t(d.first);
    a.limit = d.limit;
    a.terms = d.terms<T>();
    a.scratch = scratch;
    k.sgd_update(a);
  }
  static void svrmu_update(const table& k, const sizes& d, const windows& b, T* scratch) {
    reduced_update<T> a;
    a.rows = d.rows;
    a.rank = a.ld = a.ldg = d.rank;
    a.F = b[0].at<T>();
    a.N = b[1].at<T>();
    a.M = b[2].at<T>();
    a.F0 = b[3].at<T>();
    a.A = b[4].at<T>();
    a.G = b[5].at<T>();
    a.K = b[6].at<T>();
    a.S = b[7].at<T>();
    a.count = double(d.count);
    a.total = double(d.total);
    a.ratio = d.ratio;
    a.terms = d.terms<T>();
    a.scratch = scratch;
    k.svrmu_update(a);
  }
  static void gram_bound(const table& k, const sizes& d, const windows& b, T* scratch) {
    *b[1].at<double>() = k.gram_bound(d.rank, b[0].at<T>(), d.rank, reinterpret_cast<double*>(scratch));
  }
  static void extrapolate(const table& k, const sizes& d, const windows& b, T*) {
    k.extrapolate(d.length, b[0].at<T>(), b[1].at<T>(), T(d.weight), T(d.most));
  }
  static void dot(const table& k, const sizes& d, const windows& b, T*) {
    *b[2].at<double>() = k.dot(d.length, b[0].at<T>(), b[1].at<T>());
  }
};

} // namespace nonneg
