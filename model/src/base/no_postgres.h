// Include last in every .cpp below model/src: the model library must not see a server header.
#ifdef POSTGRES_H
#error "model/ must not include PostgreSQL headers"
#endif
