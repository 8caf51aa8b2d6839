#include "kernel_list.h"

namespace nonneg {

const std::vector<integer_name> integer_names = {
    {"rows", &sizes::rows},     {"columns", &sizes::columns},   {"rank", &sizes::rank},
    {"stride", &sizes::stride}, {"nonzeros", &sizes::nonzeros}, {"length", &sizes::length},
};

const std::vector<number_name> number_names = {{"l1", &sizes::l1}, {"l2", &sizes::l2}};

namespace {

double panel_of_X(const sizes& d) {
  return d.rows == 0 || d.columns == 0 ? 0 : double(d.rows - 1) * double(d.stride) + double(d.columns);
}
double rows_by_rank(const sizes& d) {
  return double(d.rows) * double(d.rank);
}
double columns_by_rank(const sizes& d) {
  return double(d.columns) * double(d.rank);
}
double rank_squared(const sizes& d) {
  return double(d.rank) * double(d.rank);
}
double row_pointers(const sizes& d) {
  return double(d.rows) + 1;
}
double entries(const sizes& d) {
  return double(d.nonzeros);
}
double elements(const sizes& d) {
  return double(d.length);
}
double one(const sizes&) {
  return 1;
}
int64_t no_scratch(const sizes&) {
  return 0;
}

constexpr parameter_type element = parameter_type::element;
constexpr parameter_type f64 = parameter_type::f64;
constexpr parameter_type u32 = parameter_type::u32;

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
    k.mu_update(d.rows, d.rank, b[0].at<T>(), d.rank, b[1].at<T>(), d.rank, b[2].at<T>(), d.rank, T(d.l1), T(d.l2),
                scratch);
  }
  static void dot(const table& k, const sizes& d, const windows& b, T*) {
    *b[2].at<double>() = k.dot(d.length, b[0].at<T>(), b[1].at<T>());
  }
};

} // namespace

const std::vector<kernel>& kernel_list() {
  using f = body<float>;
  using g = body<double>;
  static const std::vector<kernel> all = {
      {"xht_dense",
       {{"X", element, panel_of_X}, {"Ht", element, columns_by_rank}, {"N", element, rows_by_rank}},
       no_scratch,
       f::xht_dense,
       g::xht_dense},
      {"xtw_dense",
       {{"X", element, panel_of_X}, {"W", element, rows_by_rank}, {"A", element, columns_by_rank}},
       no_scratch,
       f::xtw_dense,
       g::xtw_dense},
      {"xht_csr",
       {{"indptr", u32, row_pointers},
        {"indices", u32, entries},
        {"values", element, entries},
        {"Ht", element, columns_by_rank},
        {"N", element, rows_by_rank}},
       no_scratch,
       f::xht_csr,
       g::xht_csr},
      {"gram", {{"F", element, rows_by_rank}, {"G", element, rank_squared}}, no_scratch, f::gram, g::gram},
      {"mu_update",
       {{"F", element, rows_by_rank}, {"N", element, rows_by_rank}, {"G", element, rank_squared}},
       [](const sizes& d) { return mu_scratch(d.rank); },
       f::mu_update,
       g::mu_update},
      {"dot", {{"a", element, elements}, {"b", element, elements}, {"sum", f64, one}}, no_scratch, f::dot, g::dot},
  };
  return all;
}

} // namespace nonneg
