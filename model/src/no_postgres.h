// Include last in every model/src/*.cpp: the model library must not see a server header.
#ifdef POSTGRES_H
#error "model/ must not include PostgreSQL headers"
#endif
